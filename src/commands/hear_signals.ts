/**
 * Listens to signals as soon as it is imported. Only the program imports it, before modules that
 * are slow to load.
 *
 * @module
 */

import { hearSignals } from "./interruption.ts";

hearSignals();
