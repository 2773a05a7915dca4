import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/components/ui/class-names";

export function Card({ className, ...props }: ComponentProps<"section">) {
  return (
    <section
      className={cn("overflow-hidden rounded-lg border bg-panel shadow-shade", className)}
      {...props}
    />
  );
}

interface CardHeaderProps {
  title: ReactNode;
  id?: string;
  aside?: ReactNode;
}

export function CardHeader({ title, id, aside }: CardHeaderProps) {
  return (
    <div className="flex h-10 items-center justify-between gap-3 border-b px-4">
      <h2 id={id} className="text-sm font-medium text-ink">
        {title}
      </h2>
      <div className="flex items-center gap-2 text-xs text-ink-3">{aside}</div>
    </div>
  );
}
