"""What a person sees of measured signals: tables, findings, plots, pages. No measuring here."""
