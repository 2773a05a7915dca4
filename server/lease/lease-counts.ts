import { Distribution, exponentialBounds } from "../base/distribution.ts";

/** What happened to leases since the process began, across changes of the state. */
export class LeaseCounts {
  granted = 0;
  revoked = 0;
  /** On this member, while it led. */
  renewed = 0;
  /** Of what was granted, in seconds. */
  readonly ttlSeconds: Distribution = new Distribution(exponentialBounds(1, 2, 24));
}
