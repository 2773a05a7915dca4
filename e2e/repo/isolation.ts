/**
 * Folders whose unit tests get a process each: the console's state lives in its modules and in the
 * environment, components need a DOM, a claim to build is made in the name of the process, and all
 * LMDB files of a process share one thread. All other unit tests share processes, and with them the
 * modules that they import.
 */
export const ISOLATED_FOLDERS = [
  "components",
  "lib/browser",
  "lib/console",
  "lib/http",
  "server/launch",
  "server/member",
  "server/storage",
];
