import { route } from "@/lib/http/handler.ts";
import { Problem } from "@/lib/http/problem.ts";

export const dynamic = "force-dynamic";

const refusal = route({}, () => {
  throw new Problem("not-found", "the API has nothing at this address");
});

/** Whatever no other route takes: an error like any other of the API, and only after the session. */
function nothing(request: Request): Promise<Response> {
  return refusal(request, { params: Promise.resolve({}) });
}

export { nothing as DELETE, nothing as GET, nothing as PATCH, nothing as POST, nothing as PUT };
