"""A client that runs any measurement plug-in from its metadata."""

from platform_sim.plugin_client.client import MeasurementPlugin
from platform_sim.plugin_client.metadata import Parameter, PluginMetadata

__all__ = ["MeasurementPlugin", "Parameter", "PluginMetadata"]
