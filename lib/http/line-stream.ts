const encoder = new TextEncoder();

/** One JSON object per line, each pulled when the reader wants it. `cancelled`: it has gone. */
export function lineReply(lines: AsyncGenerator<unknown>, cancelled: () => void): Response {
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await lines.next();
      if (next.done) controller.close();
      else controller.enqueue(encoder.encode(`${JSON.stringify(next.value)}\n`));
    },
    async cancel() {
      cancelled();
      // What the generator does at its end, it does only when it is asked to end.
      await lines.return(undefined);
    },
  });
  return new Response(body, {
    headers: { "content-type": "application/x-ndjson; charset=utf-8", "x-accel-buffering": "no" },
  });
}
