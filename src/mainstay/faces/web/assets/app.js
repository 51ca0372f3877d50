// The entry: marks the page as scripted and starts the parts that this page has.
import "htmx.org";
import "./live.js";
import "./keyboard.js";
import "./palette.js";
import { drawCharts } from "./charts.js";
import { startForms } from "./forms.js";
import { startLogs } from "./logs.js";
import { startSql } from "./sql.js";

document.documentElement.classList.add("scripted");
startForms();
startLogs();
startSql();
drawCharts(document);
document.addEventListener("htmx:after:swap", () => drawCharts(document));
