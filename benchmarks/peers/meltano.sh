# A tap of the Meltano SDK, piped into a target as Meltano does.
set -o pipefail
python "$(dirname "$0")/meltano_tap.py" |
  target-duckdb --config <(echo '{"filepath": "target.duckdb", "default_target_schema": "raw"}')
