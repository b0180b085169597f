"""The image, made by following the Dockerfile, and run with a root that cannot be written to (`make test-image`)."""

from __future__ import annotations

import os
import shlex

import pytest

from didomi_source.cli.demo import access_to
from support.pipelines.image import build
from support.pipelines.schedules import counts, expected

READ_ONLY = """
mount --bind {volume} {root}/work
mount -t tmpfs tmpfs {root}/tmp
mount -o remount,ro {root}
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The image for DuckDB alone, which is the quickest to make."""
    folder = tmp_path_factory.mktemp("image")
    for parent in (folder, *folder.parents):
        if parent.name.startswith("pytest"):
            parent.chmod(0o755)
    return build(folder, EXTRAS="duckdb")


@pytest.fixture
def container(image, tmp_path):
    """Runs a command as `docker run --read-only --tmpfs /tmp --volume …:/work` would."""
    volume = tmp_path / "volume"
    volume.mkdir(mode=0o700)
    number = int(image.user)
    os.chown(volume, number, number)

    def run(*command, **environment):
        before = READ_ONLY.format(volume=volume, root=image.layer / "root")
        return image.inside(shlex.join(command), before, **environment)

    run.volume = volume
    return run


def test_the_image_says_that_it_is_well(image, container):
    """Its healthcheck ends well; it is not root, and nothing outside of its volumes can be written."""
    assert container(*image.lists["HEALTHCHECK"]).stdout.startswith("didomi-source ")
    assert container("id", "-u").stdout.strip() == image.user
    assert "Read-only file system" in container("touch", "/var/tmp/anybody-may").stderr
    assert image.lists["VOLUME"] == ["/work"]


def test_a_container_does_the_whole_job(image, container, made_up):
    """With nothing but the keys, what it is started with by default loads and builds into the volume."""
    done = container(*image.lists["ENTRYPOINT"], *image.lists["CMD"], **access_to(made_up))
    assert done.returncode == 0, done.stderr
    assert counts(container.volume / "warehouse.duckdb") == expected(made_up)
