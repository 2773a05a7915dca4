import type { Registry } from "prom-client";
import { exportValues } from "./exported-values.ts";

const STATUSES = ["200", "500", "503"] as const;

/** What is known of the scrapes themselves; an answer counts once it is complete. */
export class ScrapeCounters {
  inFlight = 0;
  answered = 0;
  failed = 0;

  exportTo(registry: Registry): void {
    exportValues(registry, {
      name: "promhttp_metric_handler_requests_in_flight",
      help: "Scrapes that are being answered",
      type: "gauge",
      labelNames: [],
      read: () => [[{}, this.inFlight]],
    });
    exportValues(registry, {
      name: "promhttp_metric_handler_requests_total",
      help: "Scrapes by the status of the answer",
      type: "counter",
      labelNames: ["code"],
      read: () => STATUSES.map((code) => [{ code }, this.#count(code)]),
    });
  }

  #count(code: (typeof STATUSES)[number]): number {
    if (code === "200") return this.answered;
    return code === "500" ? this.failed : 0;
  }
}
