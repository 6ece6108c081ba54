import test from "ava";
import { febrl } from "./contract/febrl.js";
import { startEmbedded } from "./embedded.js";
import { holdsContracts } from "./test-service.js";

holdsContracts(test, "embedded", startEmbedded, [febrl]);
