"""Files of models of trees, as LightGBM, XGBoost and CatBoost write them."""
