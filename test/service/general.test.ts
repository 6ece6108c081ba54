import test from "ava";
import { general } from "./contract/general.js";
import { startEmbedded } from "./embedded.js";
import { holdsContracts } from "./test-service.js";

holdsContracts(test, "embedded", startEmbedded, [general]);
