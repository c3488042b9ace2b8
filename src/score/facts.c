/* The tables of facts.h. docs/metrics.md says the same at length. */
#include "score/facts.h"

#include <string.h>

#define EMPTY_IS_DIAGONAL "an empty prediction counts the whole diagonal; pictures without a polyp are left out."
#define ALL_PICTURES      "All pictures count, those without a polyp too."

const score_fact score_facts[SCORE_METRICS] = {
    [SCORE_JACCARD] = {"jaccard", "Jaccard", "", false, "TP / (TP + FP + FN); IoU."},
    [SCORE_DSC] = {"dsc", "DSC", "", false, "2 TP / (2 TP + FP + FN); Dice, F1."},
    [SCORE_RECALL] = {"recall", "Recall", "", false, "TP / (TP + FN); sensitivity."},
    [SCORE_PRECISION] = {"precision", "Precision", "", false, "TP / (TP + FP)."},
    [SCORE_ACCURACY] = {"accuracy", "Accuracy", "", false, "(TP + TN) / all pixels."},
    [SCORE_F2] = {"f2", "F2", "", false, "5 TP / (5 TP + 4 FN + FP)."},
    [SCORE_SPECIFICITY] = {"specificity", "Specificity", "", false, "TN / (TN + FP)."},
    [SCORE_BOUNDARY_F] =
        {"boundary_f", "Boundary F", "", false,
         "Harmonic mean of the shares of both outlines nearer than 0.75 % of the diagonal to the other "
         "one (Csurka et al. 2013); pictures without a polyp are left out."},
    [SCORE_HAUSDORFF] =
        {"hausdorff_95", "Hausdorff 95", "px", true,
         "The larger of the 95th percentiles of the distances from either outline to the other one; " EMPTY_IS_DIAGONAL},
    [SCORE_HAUSDORFF_PERCENT] = {"hausdorff_95_percent", "Hausdorff 95", "% of diagonal", true,
                                 "Hausdorff 95 in per cent of the picture's diagonal."},
    [SCORE_SURFACE] = {"surface_distance", "Surface distance", "px", true,
                       "Mean distance of the pixels of both outlines to the other outline; " EMPTY_IS_DIAGONAL},
    [SCORE_SURFACE_PERCENT] = {"surface_distance_percent", "Surface distance", "% of diagonal", true,
                               "Surface distance in per cent of the picture's diagonal."},
    [SCORE_S_MEASURE] = {"s_measure", "S-measure", "", false,
                         "Structure measure of the probabilities (Fan et al. 2017). " ALL_PICTURES},
    [SCORE_WEIGHTED_F] = {"weighted_f", "Weighted F", "", false,
                          "Weighted F-measure of the probabilities, beta 1 (Margolin et al. 2014). " ALL_PICTURES},
    [SCORE_MEAN_E] = {"mean_e_measure", "Mean E-measure", "", false,
                      "Enhanced-alignment measure (Fan et al. 2018), mean over 256 thresholds. " ALL_PICTURES},
    [SCORE_MEAN_DICE] = {"mean_dice", "Mean Dice", "", false,
                         "Dice, mean over 256 thresholds: PraNet's mDice. " ALL_PICTURES},
    [SCORE_MEAN_IOU] = {"mean_iou", "Mean IoU", "", false,
                        "IoU, mean over 256 thresholds: PraNet's mIoU. " ALL_PICTURES},
    [SCORE_MAE] = {"mae", "MAE", "", true, "Mean of |probability - truth| over pixels. " ALL_PICTURES},
};

enum score_metric score_metric_find(const char *key)
{
    int m = 0;
    while (m < SCORE_METRICS && strcmp(score_facts[m].key, key) != 0) m++;
    return (enum score_metric)m;
}

const convention_fact convention_facts[CONVENTIONS] = {
    [CONVENTION_PER_IMAGE] = {"per_image", "per image", "Each picture that has a polyp scored, then the mean."},
    [CONVENTION_POOLED] =
        {"pooled", "pooled",
         "Counts summed over all pictures, then scored (DUCK-Net, RAPUNet: scikit-learn on all pixels)."},
    [CONVENTION_PER_IMAGE_NETWORK] =
        {"per_image_network", "per image, network size",
         "As per image, at the network's size: masks shrunk by area, prediction before it is "
         "enlarged (the scripts of the challenge's authors)."},
    [CONVENTION_POOLED_NETWORK] = {"pooled_network", "pooled, network size",
                                   "As pooled, at the network's size (fastai's Dice and JaccardCoeff; micro in "
                                   "segmentation_models_pytorch)."},
    [CONVENTION_IMAGEWISE] =
        {"imagewise", "imagewise",
         "Mean over every picture, those without a polyp too, with 0 for 0 / 0 (micro-imagewise in "
         "segmentation_models_pytorch)."},
    [CONVENTION_CLASSES_POOLED] =
        {"classes_pooled", "classes, pooled",
         "Counts summed over all pictures, then the mean of polyp and background (mmsegmentation's "
         "mIoU and mDice, TensorFlow's MeanIoU)."},
    [CONVENTION_CLASSES_PER_IMAGE] = {"classes_per_image", "classes, per image",
                                      "Mean of polyp and background for each picture, then over every picture."},
};

const char *const polyp_size_names[POLYP_SIZES] = {"none", "small", "medium", "large"};

enum polyp_size polyp_size_of(double share)
{
    if (share <= 0) return SIZE_NONE;
    if (share < SIZE_SMALL_BELOW) return SIZE_SMALL;
    return share > SIZE_LARGE_ABOVE ? SIZE_LARGE : SIZE_MEDIUM;
}
