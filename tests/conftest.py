"""What tests send comes from one address, and much of it from one user: no limit is in their way.

A test of the limits sets its own.
"""

import os

os.environ.update(
    GATEWAY_REQUESTS_PER_SECOND="10000",
    GATEWAY_PASSWORDS_PER_MINUTE="60000",
    READS_PER_MINUTE="1000000",
    WRITES_PER_MINUTE="1000000",
)
