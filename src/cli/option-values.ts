import { InvalidArgumentError } from "commander";

/** An option that is a number above 0 and up to 1. */
export function thresholdValue(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError("It must be a number above 0 and up to 1.");
  return value;
}

/** An option that is an integer from 1 to `max`. */
export function countValue(max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > max)
      throw new InvalidArgumentError(`It must be a whole number from 1 to ${max}.`);
    return value;
  };
}

/** An option that is a TCP port; 0 means any free port. */
export function portValue(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 65_536;
  if (port > 65_535) throw new InvalidArgumentError("It must be a whole number from 0 to 65535.");
  return port;
}

/** An option that is a number of seconds above 0 and up to `max`; decimals are allowed. */
export function secondsValue(max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
    if (!(value > 0 && value <= max)) {
      throw new InvalidArgumentError(`It must be a number of seconds above 0 and up to ${max}.`);
    }
    return value;
  };
}

/** An option that is a service's URL; its value is the URL of the REST API below it: `http://host:port/api/v1`. */
export function serviceUrlValue(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.username + url.password + url.search + url.hash === "";
  if (!isPlain) throw new InvalidArgumentError("It must be a URL such as http://localhost:8851.");
  const path = url.pathname.replace(/\/+$/, "");
  return url.origin + (path.endsWith("/api/v1") ? path : `${path}/api/v1`);
}
