import { Decimal } from "./bytes.ts";
import { ApiError } from "./errors.ts";
import "./without-eval.ts";
import * as z from "zod";

/** The lines of a delete-prefix reply; the last one is `done` or `failed`. */
export const DeleteProgress = z.discriminatedUnion("type", [
  z.object({ type: z.literal("progress"), deleted: z.number(), total: z.number() }),
  z.object({
    type: z.literal("done"),
    deleted: z.number(),
    /** Keys of the preview that somebody else had deleted in between. */
    alreadyGone: z.number(),
    revision: Decimal,
  }),
  /**
   * Stopped in between: `deleted` keys are gone, the rest is untouched; where the error may have
   * happened, a step more may be gone.
   */
  z.object({
    type: z.literal("failed"),
    deleted: z.number(),
    total: z.number(),
    error: ApiError,
  }),
]);
export type DeleteProgress = z.infer<typeof DeleteProgress>;
