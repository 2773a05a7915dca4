import { openFilesMax } from "./process-figures.ts";

/** For log, state, snapshots and connections of our own; etcd's number. */
const OWN_FILES = 150;

/** How many connections of each kind there may be at once. */
export interface ConnectionPlaces {
  /** To the client URLs, before and after it is known what they speak. */
  readonly clients: number;
  /** Of HTTP/1, at client URLs and at those of metrics each. */
  readonly http: number;
  readonly peers: number;
  /** Whose TLS handshake is not over, at each kind of URL. */
  readonly handshakes: number;
}

const MOST: ConnectionPlaces = { clients: 10_000, http: 1_000, peers: 1_024, handshakes: 1_000 };
/** Of all there are; http counts twice, handshakes four times. */
const SHARES: ConnectionPlaces = { clients: 0.6, http: 0.1, peers: 0.1, handshakes: 0.025 };
const LEAST = 8;

/**
 * Clients may have what the system allows to be open, but for what the member needs itself: a log
 * that cannot open its next file ends the process.
 * @param filesMax that may be open in this process
 */
export function connectionPlaces(filesMax: number = openFilesMax()): ConnectionPlaces {
  const free = Math.max(filesMax - OWN_FILES, 0);
  const places = (kind: keyof ConnectionPlaces) =>
    Math.max(LEAST, Math.min(MOST[kind], Math.floor(free * SHARES[kind])));
  return {
    clients: places("clients"),
    http: places("http"),
    peers: places("peers"),
    handshakes: places("handshakes"),
  };
}
