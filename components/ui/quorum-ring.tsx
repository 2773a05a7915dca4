import { cn } from "@/components/ui/class-names";

export type SegmentState = "up" | "slow" | "down" | "unknown";

export interface RingSegment {
  readonly id: string;
  readonly state: SegmentState;
}

const SIZE = 100;
const GAP_DEGREES = 12;

const strokes: Record<SegmentState, string> = {
  up: "stroke-good-fill",
  slow: "stroke-warn-fill",
  down: "stroke-bad-fill",
  unknown: "stroke-line-strong",
};

interface QuorumRingProps {
  /** One arc for each voting member, clockwise from the top. */
  segments: readonly RingSegment[];
  /** Line width in hundredths of the ring's size. */
  weight?: number;
  className?: string;
  children?: React.ReactNode;
}

/** The cluster at a glance. Decorative: the same facts stand beside it as text. */
export function QuorumRing({ segments, weight = 9, className, children }: QuorumRingProps) {
  const radius = (SIZE - weight) / 2;
  const sweep = 360 / Math.max(1, segments.length);
  const gap = segments.length > 1 ? GAP_DEGREES + weight * 0.6 : 0;
  return (
    <div className={cn("relative shrink-0", className)}>
      <svg viewBox={`0 0 ${SIZE} ${SIZE}`} className="size-full" aria-hidden>
        {segments.map((segment, at) => (
          <path
            key={segment.id}
            d={arc(radius, at * sweep + gap / 2, (at + 1) * sweep - gap / 2)}
            fill="none"
            strokeWidth={weight}
            strokeLinecap="round"
            strokeDasharray={
              segment.state === "down" ? `${weight * 0.1} ${weight * 1.7}` : undefined
            }
            className={cn("transition-colors", strokes[segment.state])}
          />
        ))}
      </svg>
      {children === undefined ? null : (
        <div className="absolute inset-0 flex flex-col items-center justify-center">{children}</div>
      )}
    </div>
  );
}

function arc(radius: number, from: number, to: number): string {
  if (to - from >= 360) {
    const top = SIZE / 2 - radius;
    return `M 50 ${top} A ${radius} ${radius} 0 1 1 49.99 ${top} Z`;
  }
  const point = (degrees: number) => {
    const angle = ((degrees - 90) * Math.PI) / 180;
    const x = SIZE / 2 + radius * Math.cos(angle);
    const y = SIZE / 2 + radius * Math.sin(angle);
    return `${x.toFixed(2)} ${y.toFixed(2)}`;
  };
  const large = to - from > 180 ? 1 : 0;
  return `M ${point(from)} A ${radius} ${radius} 0 ${large} 1 ${point(to)}`;
}
