"""A client that runs any measurement plug-in from its metadata."""

from platform_sim.plugin_client.client import MeasurementPlugin
from platform_sim.plugin_client.metadata import Parameter, PluginMetadata
from platform_sim.plugin_client.values import EnumValue

__all__ = ["EnumValue", "MeasurementPlugin", "Parameter", "PluginMetadata"]
