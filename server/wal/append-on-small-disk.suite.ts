// A process for the test of a disk that is full: appends until it is refused, then once more.
import { FileWal } from "./file-wal.ts";
import { batch, entry, METADATA } from "./wal-conformance.suite.ts";

const say = (line: string) => process.stdout.write(`${line}\n`);

const wal = await FileWal.create(process.argv[2] as string, METADATA, { segmentBytes: 64 * 1024 });
try {
  // Larger than a segment, so that the file must grow, each time beyond what is allowed earlier.
  for (let i = 1; ; i++) {
    await wal.append(batch([{ ...entry(i), data: Buffer.alloc(i * 20_000) }]));
    say("appended");
  }
} catch {
  say("refused");
}
try {
  await wal.append(batch([entry(1)]));
} catch {
  say("refused again");
}
await wal.close();
say("closed");
