"""The job on other warehouses than DuckDB."""

import pytest

pytest.register_assert_rewrite("warehouses.scenarios", "warehouses.refusals")
