# The command line of Airbyte's CDK: its messages, a JSON line each, are what a destination would read.
echo "{\"url\": \"$BENCH_URL\"}" >config.json
echo '{"streams": [{"sync_mode": "full_refresh", "destination_sync_mode": "overwrite", "stream":
  {"name": "export_logs", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}}]}' >catalog.json
source-declarative-manifest read --manifest-path "$(dirname "$0")/airbyte.yaml" \
  --config config.json --catalog catalog.json >target.jsonl ||
  { grep -o '"message":"[^"]*"' target.jsonl | tail -n 1; exit 1; }
