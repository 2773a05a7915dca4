import { LoaderCircle } from "lucide-react";
import { cn } from "@/components/ui/class-names";

/** Decorative: the text beside it says what is awaited. */
export function Spinner({ className }: { className?: string }) {
  return (
    <LoaderCircle
      aria-hidden
      className={cn("size-3.5 animate-spin motion-reduce:animate-none", className)}
    />
  );
}
