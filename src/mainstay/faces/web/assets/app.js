// The entry: marks the page as scripted and starts the parts that this page has.
import "htmx.org";
import "./live.js";
import "./keyboard.js";
import "./palette.js";
import { drawCharts } from "./charts.js";
import { startForms } from "./forms.js";

document.documentElement.classList.add("scripted");
startForms();
drawCharts(document);
document.addEventListener("htmx:after:swap", () => drawCharts(document));
