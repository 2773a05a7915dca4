import { route } from "@/lib/http/handler.ts";
import { jsonReply } from "@/lib/http/reply.ts";
import type { ClustersReply } from "@/lib/schema/clusters.ts";

export const dynamic = "force-dynamic";

export const GET = route({}, ({ state }) =>
  jsonReply({ clusters: state.connections.list() } satisfies ClustersReply),
);
