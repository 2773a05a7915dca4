import type { Metadata } from "next";
import { WatchBoard } from "@/components/watch/watch-board";
import { requireSession } from "../require-session";

export const metadata: Metadata = { title: "Watch" };

export default async function WatchPage() {
  await requireSession();
  return <WatchBoard />;
}
