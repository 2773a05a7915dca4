import type { Metadata } from "next";
import { OverviewBoard } from "@/components/overview/overview-board";
import { OverviewSkeleton } from "@/components/overview/overview-skeleton";
import { ClientOnly } from "@/components/ui/client-only";
import { requireSession } from "../require-session";

export const metadata: Metadata = { title: "Overview" };

export default async function OverviewPage() {
  await requireSession();
  return (
    <ClientOnly fallback={<OverviewSkeleton />}>
      <OverviewBoard />
    </ClientOnly>
  );
}
