import type { ReactNode } from "react";
import { Frame } from "@/components/shell/frame";
import { requireSession } from "./require-session";

/**
 * Asks before anything is sent, so that a stranger is redirected instead of being shown the frame.
 * Pages ask too: moving between them does not come by here.
 */
export default async function ConsoleLayout({ children }: { children: ReactNode }) {
  await requireSession();
  return <Frame>{children}</Frame>;
}
