"""What a network's curvature will take, before any of it is computed: layers, problems, memory, time, and ways out."""

from ncviz.preflight.facts import Choice, DeviceFit, LayerFacts, Preflight
from ncviz.preflight.look import preflight

__all__ = ["Choice", "DeviceFit", "LayerFacts", "Preflight", "preflight"]
