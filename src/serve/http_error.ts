/** The HTTP status codes with which the server rejects requests or reports errors. */
export type ErrorStatus = 400 | 404 | 405 | 408 | 413 | 415 | 429 | 500 | 503;

/** An error that the server returns as the response to a request. */
export class HttpError extends Error {
  override name = "HttpError";
  /** The status. */
  readonly status: ErrorStatus;
  /** Further headers of the response. */
  readonly headers: Readonly<Record<string, string>>;

  /**
   * Creates an error.
   *
   * @param status The status.
   * @param message The message for the client.
   * @param headers Further headers of the response.
   */
  constructor(
    status: ErrorStatus,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * Throws the error for an invalid request, which is answered with the HTTP status 400.
 *
 * @param message What is wrong and what was expected.
 * @throws {HttpError} Always; with status 400.
 */
export function refuse(message: string): never {
  throw new HttpError(400, message);
}
