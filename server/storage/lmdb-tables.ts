import { type Database, open, type RootDatabase } from "lmdb";
import { TABLES, type Table } from "./tables.ts";

/** Address space, not disk. Beyond it lmdb would have to move the map under our readers. */
const MAP_BYTES = 256 * 1024 ** 3;

/** Byte keys and byte values, everywhere: lmdb's defaults would re-encode both. */
const BYTES = { keyEncoding: "binary", encoding: "binary" } as const;

/** What the file says of itself. */
const OWN_TABLE = "file";

export type Rows = Database<Buffer, Buffer>;

/** One LMDB file, opened by one thread; the threads of a process share what is below. */
export interface FileTables {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly tables: Readonly<Record<Table, Rows>>;
  readonly own: Rows;
}

/** Opens or creates the file and its ten tables. @throws what lmdb finds wrong with it */
export function openFileTables(path: string): FileTables {
  // A commit has ended when it is on disk (no overlapping sync), whatever the file is named.
  const root = open<Buffer, Buffer>(path, {
    ...BYTES,
    noSubdir: true,
    overlappingSync: false,
    noMemInit: true,
    mapSize: MAP_BYTES,
    maxDbs: TABLES.length + 1,
  });
  const tables: Partial<Record<Table, Rows>> = {};
  // One transaction, or each table would be created, and synced, in its own.
  const own = root.transactionSync(() => {
    for (const name of TABLES) tables[name] = root.openDB({ ...BYTES, name });
    return root.openDB<Buffer, Buffer>({ ...BYTES, name: OWN_TABLE });
  });
  return { root, tables: tables as Record<Table, Rows>, own };
}
