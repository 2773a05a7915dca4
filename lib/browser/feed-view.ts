// What a page draws of a feed.

import type { StreamState } from "./event-stream.ts";
import type { WatchRow } from "./watch-row.ts";

export interface FeedView {
  /** Newest first. */
  readonly rows: readonly WatchRow[];
  /** Events received since the start or the last clear, shown or not. */
  readonly received: number;
  /** Older events that the ring no longer keeps. */
  readonly dropped: number;
  /** Rows are kept, and the filter hides each of them. */
  readonly isAllHidden: boolean;
  /** What came before the last clear is not shown any more. */
  readonly isCleared: boolean;
  readonly isPaused: boolean;
  /** Rows that wait behind the pause. */
  readonly waiting: number;
  /** The backlog is full: the stream is let go and will be resumed by revision. */
  readonly isHeld: boolean;
  readonly stream: StreamState;
  /** Why the stream is not open although it should be. */
  readonly trouble: string | null;
  /** The way from the console to etcd is broken; it resumes by itself. */
  readonly isLinkLost: boolean;
  /** Everything up to here has been received. */
  readonly position: string | null;
  /** Where the cluster stood when the stream was opened, until everything up to there has come. */
  readonly catchingUpTo: string | null;
  /** The watch begins at a revision that the cluster has not reached yet. */
  readonly startsAhead: { readonly from: string; readonly revision: string } | null;
}
