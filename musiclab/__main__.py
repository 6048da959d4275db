from musiclab.cli import main

raise SystemExit(main())
