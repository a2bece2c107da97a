/** The upper bounds of the histogram of times, in seconds. */
const BOUNDS = [
  ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/** The values that the server reads only when metrics are printed. */
export interface Gauges {
  /** The number of requests whose bodies are being received. */
  readonly receiving: number;
  /** The number of requests that wait for the net, or are computed. */
  readonly waiting: number;
}

/** Counts the requests to the server, and returns the counts in the format of Prometheus. */
export class ServeMetrics {
  readonly #requests = new Map<string, number>();
  readonly #buckets = new Float64Array(BOUNDS.length + 1);
  readonly #started = Date.now() / 1000;
  #seconds = 0;
  #rows = 0;
  #unknown = 0;
  #batches = 0;

  /**
   * Counts a request.
   *
   * @param endpoint The endpoint.
   * @param status The status of the response.
   */
  request(endpoint: string, status: number): void {
    const key = `endpoint="${endpoint}",status="${status}"`;
    this.#requests.set(key, 1 + (this.#requests.get(key) ?? 0));
  }

  /**
   * Counts a request for predictions that was answered.
   *
   * @param seconds The time from its headers to its response.
   * @param rows The number of rows.
   * @param unknown The number of values that are not in the vocabularies of the training rows.
   */
  predicted(seconds: number, rows: number, unknown: number): void {
    const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
    this.#buckets[bucket < 0 ? BOUNDS.length : bucket]! += 1;
    this.#seconds += seconds;
    this.#rows += rows;
    this.#unknown += unknown;
  }

  /** Counts a computation of the net, which may be for several requests. */
  batch(): void {
    this.#batches++;
  }

  /**
   * Formats all values in the text format of Prometheus.
   *
   * @param gauges The values at this moment.
   */
  text({ receiving, waiting }: Gauges): string {
    const lines: string[] = [];
    const metric = (name: string, type: string, help: string, values: readonly string[]) =>
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...values);
    const single = (name: string, type: string, help: string, value: number) =>
      metric(name, type, help, [`${name} ${value}`]);
    metric(
      "rocket_requests_total",
      "counter",
      "Requests by endpoint and status of the response.",
      Array.from(this.#requests, ([key, count]) => `rocket_requests_total{${key}} ${count}`),
    );
    const name = "rocket_predict_seconds";
    let sum = 0;
    const buckets = [...BOUNDS, "+Inf"].map((bound, index) => {
      sum += this.#buckets[index]!;
      return `${name}_bucket{le="${bound}"} ${sum}`;
    });
    metric(name, "histogram", "Time from the headers of a request to its predictions.", [
      ...buckets,
      `${name}_sum ${this.#seconds}`,
      `${name}_count ${sum}`,
    ]);
    single("rocket_rows_total", "counter", "Rows with predictions.", this.#rows);
    single(
      "rocket_unknown_values_total",
      "counter",
      "Values that are not in the vocabularies of the training rows.",
      this.#unknown,
    );
    single(
      "rocket_batches_total",
      "counter",
      "Computations of the net, each for the rows of one or more requests.",
      this.#batches,
    );
    single("rocket_receiving", "gauge", "Requests whose bodies are being received.", receiving);
    single("rocket_waiting", "gauge", "Requests that wait for the net or are computed.", waiting);
    single(
      "process_start_time_seconds",
      "gauge",
      "Start time of the process, in seconds since 1970.",
      this.#started,
    );
    single(
      "process_resident_memory_bytes",
      "gauge",
      "Resident memory of the process, in bytes.",
      Deno.memoryUsage().rss,
    );
    return lines.join("\n") + "\n";
  }
}
