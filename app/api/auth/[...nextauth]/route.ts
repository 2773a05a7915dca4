import { authRoute } from "@/lib/auth.ts";
import { openRoute } from "@/lib/http/handler.ts";

export const dynamic = "force-dynamic";

const answer = openRoute(authRoute);

export { answer as GET, answer as POST };
