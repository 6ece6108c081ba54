import { setTimeout as pause } from "node:timers/promises";

await pause(1500);

export default function loaded(): boolean {
  return true;
}
