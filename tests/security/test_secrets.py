"""After all other tests: what the attacks have left in the logs."""

from tests.system.test_secrets import test_the_logs_hold_no_secret  # noqa: F401
