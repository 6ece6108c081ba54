import test from "ava";
import { results } from "./contract/results.js";
import { startEmbedded } from "./embedded.js";
import { holdsContracts } from "./test-service.js";

holdsContracts(test, "embedded", startEmbedded, [results]);
