"""The image and each schedule in pipelines/: its own tool takes it, and it calls the job as the job wants it."""

from __future__ import annotations

import re

import pytest
import typer
from croniter import croniter

from didomi_source.cli import app
from didomi_source.errors import ConfigurationError, RunLocked
from support.pipelines.schedules import (
    BIN,
    DOCKERFILE,
    PIPELINES,
    commands,
    container,
    counts,
    cron_line,
    expected,
    job_template,
    ran,
    steps,
    workflow,
)

DIDOMI = typer.main.get_command(app)
USAGE = 2


@pytest.mark.parametrize("name", commands())
def test_the_command_line_takes_what_a_schedule_calls(name):
    """A renamed option or destination would be found on the morning after."""
    command, *arguments = commands()[name]
    given = DIDOMI.commands[command].make_context(command, arguments).params
    assert given["destination"] in ("duckdb", "postgres", "bigquery")


def test_the_plain_script_loads_and_builds(made_up, environment, tmp_path):
    """Run as it is in an empty folder, with nothing but the keys, it does the whole job."""
    ran(BIN / "python", PIPELINES / "didomi_pipeline.py", folder=tmp_path, environment=environment)
    assert counts(tmp_path / "warehouse.duckdb") == expected(made_up)


def test_cron_understands_when():
    """Once a day, and no percent sign, which cron takes for a line break."""
    when, command = cron_line()
    times = croniter(when)
    assert times.get_next(float) + 24 * 3600 == times.get_next(float)
    assert "%" not in command


@pytest.mark.parametrize(("code", "mail"), [(0, ""), (1, "didomi run failed"), (RunLocked.exit_code, "")])
def test_cron_mails_of_what_failed_only(tmp_path, code, mail):
    """What the line writes is what cron mails; the run's own words go to the log beside it."""
    stub = tmp_path / ".venv/bin/didomi"
    stub.parent.mkdir(parents=True)
    stub.write_text(f"#!/bin/sh\necho at work: $*\nexit {code}\n")
    stub.chmod(0o755)
    out = ran("sh", "-c", cron_line()[1].replace("/srv/didomi", str(tmp_path)))
    assert out.partition(",")[0].strip() == mail
    assert (tmp_path / "didomi.log").read_text() == "at work: run\n"


@pytest.fixture
def units(tmp_path):
    """The units, with the `didomi` that is installed here."""
    for name in ("didomi.service", "didomi.timer"):
        text = (PIPELINES / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/didomi/bin", str(BIN)))
    return tmp_path


def test_systemd_takes_the_units(units):
    """Without a warning: it only warns of a key that it does not know."""
    assert ran("systemd-analyze", "verify", units / "didomi.service", units / "didomi.timer") == ""


def test_systemd_lets_the_service_do_little(units):
    """By systemd's own count, which gives 9.6 to a service without any limits and 0 to one that may do nothing."""
    out = ran("systemd-analyze", "security", "--offline=true", units / "didomi.service")
    assert float(re.search(r"exposure level for didomi\.service: ([\d.]+)", out)[1]) < 4


def test_systemd_knows_the_exit_code_of_a_run_at_work():
    """It is no failure there either."""
    assert f"\nSuccessExitStatus={RunLocked.exit_code}\n" in (PIPELINES / "didomi.service").read_text()


def test_kubernetes_takes_the_cronjob():
    """By its own schema, which knows each field."""
    ran(BIN / "kubernetes-validate", "--strict", PIPELINES / "cronjob.yaml")


def test_kubernetes_starts_no_second_run_and_tries_no_wrong_key_again():
    """The lock is in a folder of each pod: between pods there is none."""
    assert "\n  concurrencyPolicy: Forbid\n" in (PIPELINES / "cronjob.yaml").read_text()
    (rule,) = job_template()["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onExitCodes"]["containerName"]) == ("FailJob", container()["name"])
    assert rule["onExitCodes"]["values"] == [USAGE, ConfigurationError.exit_code]


def test_github_takes_the_workflow():
    """By its own schema."""
    ran(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", PIPELINES / "github-actions.yml")


def test_github_hands_over_what_is_needed():
    """Keys and organization, in variables that the connector reads."""
    names = {name for name in workflow()["steps"][-1]["env"] if name.startswith("SOURCES__")}
    assert names == {f"SOURCES__DIDOMI__{name}" for name in ("API_KEY", "API_SECRET", "ORGANIZATION_ID")}


def test_the_readme_names_each_schedule():
    """And no other."""
    rows = re.findall(r"^\| (`.*?) \|", (PIPELINES / "README.md").read_text(), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert sorted(named) == sorted(
        file.name for file in PIPELINES.iterdir() if file.is_file() and file.name != "README.md"
    )


def test_docker_takes_the_dockerfile():
    """By hadolint, which knows what makes an image large, unsafe or not the same twice."""
    assert ran(BIN / "hadolint", DOCKERFILE) == ""


def test_the_image_is_not_run_by_root():
    """By a number, which Kubernetes can tell from root's, and the one of its CronJob."""
    users = [step["value"] for step in steps() if step["instruction"] == "USER"]
    security = job_template()["template"]["spec"]["securityContext"]
    assert users == [str(security["runAsUser"])]
    assert security["runAsNonRoot"] is True
