export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** Go's form of an error: the text, a newline, and no guessing of types. */
export function plainError(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return plain(status, `${text}\n`, headers);
}

export function plain(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return {
    status,
    headers: {
      ...headers,
      "Content-Type": "text/plain; charset=utf-8",
      "X-Content-Type-Options": "nosniff",
    },
    body,
  };
}
