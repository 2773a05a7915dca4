// What the thread of lmdb-commit-thread.ts runs.
import { parentPort } from "node:worker_threads";
import { must } from "../base/assert.ts";
import { type CommitPiece, rowsOf } from "./commit-piece.ts";
import type { CommitOrder, CommitReport } from "./lmdb-commit-thread.ts";
import { type FileTables, openFileTables } from "./lmdb-tables.ts";
import { seal } from "./sealed-value.ts";

const port = must(parentPort, "this runs in a thread of its own");
const files = new Map<string, FileTables>();

function commit(path: string, pieces: readonly CommitPiece[]): void {
  let file = files.get(path);
  if (file === undefined) {
    file = openFileTables(path);
    files.set(path, file);
  }
  const { root, tables } = file;
  root.transactionSync(() => {
    for (const piece of pieces) {
      for (const { table, key, place } of rowsOf(piece)) {
        if (place === null) tables[table].removeSync(key);
        else {
          seal(key, place);
          tables[table].putSync(key, place);
        }
      }
    }
  });
}

async function close(path: string): Promise<void> {
  await files.get(path)?.root.close();
  files.delete(path);
}

async function answer({ path, pieces }: CommitOrder): Promise<void> {
  const report: { -readonly [K in keyof CommitReport]: CommitReport[K] } = {};
  try {
    if (pieces.length > 0) commit(path, pieces);
    else await close(path);
  } catch (error) {
    report.error = error;
  }
  port.postMessage(report);
}

let last: Promise<void> = Promise.resolve();
port.on("message", (order: CommitOrder) => {
  last = last.then(() => answer(order));
});
