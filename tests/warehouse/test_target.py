"""A dataset's schemas are its own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didomi_source.errors import ConfigurationError
from didomi_source.warehouse.target import Target

# Few words, so that many names are made of one another.
PARTS = st.sampled_from(["a", "raw", "staging", "models", "intermediate", "marts"])
NAMES = st.lists(PARTS, min_size=1, max_size=5).map("_".join).filter(lambda name: len(name) <= 40)


def target_or_none(dataset: str) -> Target | None:
    try:
        return Target(dataset=dataset)
    except ConfigurationError:
        return None


TARGETS = NAMES.map(target_or_none).filter(bool)


@given(
    one=TARGETS,
    suffix=st.sampled_from(["", "_raw", "_models", "_staging_raw", "_models_raw", "_raw_staging"]),
    two=TARGETS,
)
def test_two_datasets_have_no_schema_in_common(one: Target, suffix: str, two: Target) -> None:
    """Raw tables, dlt's staging dataset and each layer of the models, of any pair of names that are taken."""
    assert len(set(one.schemas)) == 5
    for other in filter(None, (two, target_or_none(one.dataset + suffix))):
        assert one.dataset == other.dataset or not set(one.schemas) & set(other.schemas)


@pytest.mark.parametrize(
    ("dataset", "schemas"),
    [
        ("didomi_raw", ["didomi_raw", "didomi_raw_staging", "didomi_staging", "didomi_intermediate", "didomi_marts"]),
        ("didomi", ["didomi", "didomi_models_raw_staging", "didomi_models_staging", "didomi_models_intermediate", "didomi_models_marts"]),
    ],
)  # fmt: skip
def test_schemas_follow_the_dataset(dataset: str, schemas: list[str]) -> None:
    """The default names stay."""
    assert Target(dataset=dataset).schemas == schemas


@pytest.mark.parametrize("end", ["staging", "intermediate", "marts", "models_raw", "raw_raw"])
def test_a_name_of_another_datasets_schema_is_refused(end: str) -> None:
    """With the reason and a name that is taken."""
    message = f"dataset 'x_{end}' could be a schema of another dataset's models: use a name that does not end in "
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}.*, like didomi_raw$"):
        Target(dataset=f"x_{end}")
