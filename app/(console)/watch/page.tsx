import type { Metadata } from "next";
import { ClientOnly } from "@/components/ui/client-only";
import { WatchBoard } from "@/components/watch/watch-board";
import { WatchSkeleton } from "@/components/watch/watch-skeleton";
import { requireSession } from "../require-session";

export const metadata: Metadata = { title: "Watch" };

export default async function WatchPage() {
  await requireSession();
  return (
    <ClientOnly fallback={<WatchSkeleton />}>
      <WatchBoard />
    </ClientOnly>
  );
}
