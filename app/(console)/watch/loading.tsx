import { WatchSkeleton } from "@/components/watch/watch-skeleton";

export default function WatchLoading() {
  return <WatchSkeleton />;
}
