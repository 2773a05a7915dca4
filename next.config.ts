import type { NextConfig } from "next";

/** On whatever leaves the web server, files included; replies of the API add their own. */
const SECURITY_HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

const nextConfig: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  devIndicators: false,
  serverExternalPackages: ["@grpc/grpc-js", "lmdb"],
  // There are no pictures to make smaller: the route that would do it is closed.
  images: { unoptimized: true },
  headers: () => {
    const headers = Object.entries(SECURITY_HEADERS).map(([key, value]) => ({ key, value }));
    return Promise.resolve([{ source: "/:path*", headers }]);
  },
};

export default nextConfig;
