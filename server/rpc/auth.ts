import { AuthDefinition } from "../proto/gen/rpc.ts";
import type { Dispatcher } from "./dispatch.ts";
import type { Headers } from "./header.ts";

/** The revision of an auth store that was never changed. */
const AUTH_REVISION = 1;

/** Authentication is off and cannot be turned on; everything else about it is unimplemented. */
export function registerAuth(dispatcher: Dispatcher, headers: Headers): void {
  dispatcher.unary(AuthDefinition, "authStatus", () => ({
    header: headers.now(),
    enabled: false,
    authRevision: AUTH_REVISION,
  }));
}
