import type { DefaultOptions } from "@tanstack/react-query";
import { isPassing } from "./request.ts";

const RETRIES = 1;

/** How all queries of the console behave unless they say otherwise. */
export const queryDefaults: DefaultOptions = {
  queries: {
    // A console on this machine answers without a network. One that does not must fail: a query
    // that pauses would leave its last good answer standing.
    networkMode: "always",
    refetchOnReconnect: true,
    retry: (count, error) => count < RETRIES && isPassing(error),
    refetchOnWindowFocus: false,
  },
};
