"""For the state machines of both projects: how long, and by which seed."""

import os
import random

EXAMPLES = int(os.environ.get("ANY_ORDER_EXAMPLES", "200"))
SEED = int(os.environ.get("ANY_ORDER_SEED") or random.SystemRandom().randrange(10**6))
