"""Devices: where arrays are, by name, and how they come from one to another. No rule, no graph and no layer lives here.

PyTorch is imported when a device of its is first asked for.
"""

from autograd_mini.arrays import adopted
from autograd_mini.devices.names import available, device_of, named, on_host, sent, to_device, to_host
from autograd_mini.devices.places import beside, foreign, zeros_beside
from autograd_mini.devices.reading import at_hand, checked, has_values, is_lazy, passes, read, surely, waits, wide

__all__ = [
    "adopted",
    "at_hand",
    "available",
    "beside",
    "checked",
    "device_of",
    "foreign",
    "has_values",
    "is_lazy",
    "named",
    "on_host",
    "passes",
    "read",
    "sent",
    "surely",
    "to_device",
    "to_host",
    "waits",
    "wide",
    "zeros_beside",
]
