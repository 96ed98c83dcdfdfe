"""Prometheus metrics of a node (text format 0.0.4), labels of low cardinality only."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from nodes.runtime.service import Service


class Metrics(Collector):
    """Reads what the node already counts when it is asked; nothing is counted twice."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        steps = CounterMetricFamily(
            "jangteo_step",
            "Messages, bytes and cryptographic operations by protocol and step",
            labels=["protocol", "step", "kind"],
        )
        for (protocol, step), amounts in self._service.party.observer.counters.items():
            for kind, amount in amounts.items():
                steps.add_metric([protocol, step, kind], amount)
        for name, amounts in self._service.party.observer.elsewhere.items():
            for kind, amount in amounts.items():
                steps.add_metric([name, "", kind], amount)
        yield steps
        for name, value in self._service.totals().items():
            yield GaugeMetricFamily(f"jangteo_{name}", name.replace("_", " "), value=value)
        yield GaugeMetricFamily(
            "jangteo_ready", "1 when the node is ready", value=0 if self._service.missing() else 1
        )

    def render(self) -> bytes:
        return generate_latest(self._registry)
