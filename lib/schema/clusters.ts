import "./without-eval.ts";
import * as z from "zod";

/** `local` is the cluster that the console was started with. */
export const ClusterId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "not a cluster id");

export const Connection = z.object({
  id: ClusterId,
  name: z.string(),
  /** True for the cluster that `npm start` runs itself. */
  isBuiltIn: z.boolean(),
  endpoints: z.array(z.string()).min(1),
  tls: z.boolean(),
  /** The etcd user that the console acts as; null without one. */
  user: z.string().nullable(),
});
export type Connection = z.infer<typeof Connection>;

/** GET /api/clusters */
export const ClustersReply = z.object({ clusters: z.array(Connection) });
export type ClustersReply = z.infer<typeof ClustersReply>;
