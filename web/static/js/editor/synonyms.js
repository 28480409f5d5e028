// Words by which people look for a kind of tool, beside its own; in the languages of those who set up
// cameras.

const SYNONYMS = {
  outline: "contour shape silhouette form deviation umriss kontur",
  difference: "anomaly defect scratch stain subtraction golden template fehler kratzer anomalie",
  pattern: "template match search find presence muster suche finden",
  brightness: "intensity gray grey light lamp led presence helligkeit graustufe",
  contrast: "texture variance sharpness struktur textur",
  colour: "color hue deltae shade farbe farbton",
  compare: "symmetry relation ratio vergleich",
  area: "label presence pixel count fill level threshold fläche etikett füllstand",
  colour_area: "color segmentation presence cap wire farbfläche kappe",
  edge_pixels: "texture engraving thread print kanten gewinde",
  blobs: "count holes spots particles blob analysis objects zählen löcher flecken teilchen",
  width: "dimension gauge caliper size length thickness diameter measure maß breite dicke messen",
  edge: "position dimension gauge caliper fill level kante lage",
  pitch: "pins teeth thread spacing connector dimension raster zähne abstand",
  circle: "diameter radius hole round dimension bore kreis durchmesser bohrung loch",
  line: "straightness orientation angle gerade winkel",
  angle: "orientation rotation winkel drehung",
  distance: "dimension gauge gap length measure maß abstand spalt messen",
  code: "barcode bar qr datamatrix data matrix dmc ean gs1 code128 pdf417 aztec strichcode",
  text: "ocr ocv read lot date expiry serial characters lesen datum charge schrift zeichen",
  learned: "anomaly ai deep learning neural unsupervised defect ki anomalie lernen fehler",
  classify: "class ai sort variant orientation recognition klasse sorte variante ki",
  count: "number presence of all zähler anzahl",
  expression: "formula math sum difference ratio calculate formel rechnen summe",
};

/** Further words of a kind, in lower case. */
export const synonymsOf = (kind) => SYNONYMS[kind] ?? "";
