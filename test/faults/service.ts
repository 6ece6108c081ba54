// The service part of `npm run test:faults`: prints one line of JSON per round.
import { runServiceRound } from "./service-round.js";

/** @returns the number of failed rounds */
export async function serviceFaults(rounds: number, seed: number): Promise<number> {
  let failed = 0;
  for (let round = 0; round < rounds; round++) {
    const outcome = await runServiceRound(seed + round);
    console.log(JSON.stringify({ round: round + 1, ...outcome }));
    if (outcome.error !== undefined) failed++;
  }
  return failed;
}
