"""The mechanisms that the rows cover, each as a function that switches it off in its own process.

`tests.faults.child` calls it in the processes of the parts, or of the management command, that
`off_in` names. Where that is the ``stack``, it is called with the stack, before that starts.
"""

from tests.faults.mechanisms import consumer, gate, relay, stack, web
from tests.faults.mechanisms.registry import MECHANISMS

__all__ = ["MECHANISMS", "consumer", "gate", "relay", "stack", "web"]
