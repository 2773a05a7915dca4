"use client";

import { Bar, BarChart, ReferenceLine, ResponsiveContainer, YAxis } from "recharts";
import type { RatePoint } from "@/lib/browser/rate-meter";

const WIDTH = 480;
const HEIGHT = 56;
/** Below this the axis would jump with every event. */
const TOP_MIN = 5;

/** Events of the last minute, one bar a second. Decorative: the newest figure stands beside it. */
export function RateChart({ points }: { points: RatePoint[] }) {
  return (
    <div aria-hidden className="size-full">
      <ResponsiveContainer
        width="100%"
        height="100%"
        initialDimension={{ width: WIDTH, height: HEIGHT }}
      >
        <BarChart
          data={points}
          barCategoryGap={1}
          margin={{ top: 4, right: 0, bottom: 0, left: 0 }}
          accessibilityLayer={false}
        >
          <YAxis
            orientation="right"
            width={44}
            tickCount={2}
            axisLine={false}
            tickLine={false}
            domain={[0, (max: number) => Math.max(TOP_MIN, max)]}
            tick={{ fill: "var(--ink-3)", fontSize: 11 }}
          />
          <ReferenceLine y={0} stroke="var(--line-strong)" />
          <Bar dataKey="puts" stackId="all" fill="var(--accent)" isAnimationActive={false} />
          <Bar dataKey="deletes" stackId="all" fill="var(--bad-fill)" isAnimationActive={false} />
        </BarChart>
      </ResponsiveContainer>
    </div>
  );
}
